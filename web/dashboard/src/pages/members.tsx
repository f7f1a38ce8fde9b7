export default function Page() { return <p>members</p>; }
