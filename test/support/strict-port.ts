/**
 * A fake port that throws where code asks for a method that the test did not give it, so that a use case which begins to
 * call another method fails its tests instead of getting a polite nothing.
 */
export const strictPort = <Port extends object>(name: string, methods: Port): Port =>
  new Proxy(methods, {
    get: (target, method) => {
      // Awaiting an object asks whether it is a promise.
      if (typeof method === 'symbol' || method === 'then' || method in target)
        return Reflect.get(target, method);
      throw new Error(`The fake port ${name} has no method ${method}.`);
    },
  });

/** The same ports, each of them strict. Values that are not objects are unchanged. */
export const strictPorts = <Ports extends object>(ports: Ports): Ports =>
  Object.fromEntries(
    Object.entries(ports).map(([name, port]) => [
      name,
      typeof port === 'object' && port !== null ? strictPort(name, port) : port,
    ]),
  ) as Ports;
