export default function Page() { return <p>calculator</p>; }
