export default function Page() { return <p>usage</p>; }
