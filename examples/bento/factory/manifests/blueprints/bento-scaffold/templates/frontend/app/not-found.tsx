import Link from "next/link";

export default function NotFound() {
  return (
    <section>
      <h1>Nothing here</h1>
      <p>
        The page has moved or never was. <Link href="/">Back to the start</Link>
      </p>
    </section>
  );
}
