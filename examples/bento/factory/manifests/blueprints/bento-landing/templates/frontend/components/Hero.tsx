import Link from "next/link";

import { hero } from "@/content/landing";

import styles from "./landing.module.css";

export function Hero() {
  return (
    <section className={styles.hero} aria-labelledby="hero-title">
      <h1 id="hero-title">{hero.title}</h1>
      <p className={styles.claim}>{hero.claim}</p>
      <Link href="/meals" className={styles.action}>
        {hero.action}
      </Link>
    </section>
  );
}
