import Link from "next/link";

import { plans } from "@/content/landing";
import { kroner } from "@/lib/api";

import styles from "./landing.module.css";

export function Pricing() {
  return (
    <section id="pricing" aria-labelledby="pricing-title">
      <h2 id="pricing-title">One price a week, delivery included</h2>
      <ul className={styles.plans}>
        {plans.map((plan) => (
          <li key={plan.code} className={styles.plan}>
            <h3>{plan.title}</h3>
            <p className={styles.price}>
              {kroner(plan.priceOre)} <small>a week</small>
            </p>
            <p>
              {plan.meals} meals, {plan.portions === 1 ? "one portion" : `${plan.portions} portions`} each
            </p>
            <Link href={`/meals?plan=${plan.code}`} aria-label={`Choose ${plan.title}`}>
              Choose
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
