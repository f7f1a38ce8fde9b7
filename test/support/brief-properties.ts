import fc from 'fast-check';

/** For mutation testing, which runs each property thousands of times: a second is enough to notice most changes. */
fc.configureGlobal({ interruptAfterTimeLimit: 1_000, markInterruptAsFailure: false });
