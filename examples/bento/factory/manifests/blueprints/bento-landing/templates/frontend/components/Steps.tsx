import { steps } from "@/content/landing";

import styles from "./landing.module.css";

export function Steps() {
  return (
    <section aria-labelledby="steps-title">
      <h2 id="steps-title">How it works</h2>
      <ol className={styles.steps}>
        {steps.map((step) => (
          <li key={step.title}>
            <h3>{step.title}</h3>
            <p>{step.text}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}
