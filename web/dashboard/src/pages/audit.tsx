export default function Page() { return <p>audit</p>; }
