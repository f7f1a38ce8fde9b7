export default function Page() { return <p>voice</p>; }
