export default function Home() {
  return (
    <section>
      <h1>Bento</h1>
      <p>One box a week, cooked and portioned. Ordering opens with the first menu.</p>
    </section>
  );
}
