"use client";

import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";

import { kroner, request, type Meal, type Plan } from "@/lib/api";
import { isFull, missing, onMenu, toggle, withPlan, type Basket } from "@/lib/basket";
import { loadBasket, saveBasket } from "@/lib/basketStore";

import styles from "./meals.module.css";

export function MealPicker({ wanted }: { wanted: string }) {
  const router = useRouter();
  const [plans, setPlans] = useState<Plan[]>([]);
  const [menu, setMenu] = useState<Meal[]>([]);
  const [basket, setBasket] = useState<Basket>({ plan: wanted, meals: [] });
  const [problem, setProblem] = useState("");

  useEffect(() => {
    Promise.all([request<Plan[]>("/plans"), request<Meal[]>("/meals")])
      .then(([plans, menu]) => {
        const start = plans.find((plan) => plan.code === wanted) ?? plans[0];
        setPlans(plans);
        setMenu(menu);
        setBasket(withPlan(onMenu(loadBasket() ?? { plan: start.code, meals: [] }, menu), start));
      })
      .catch((error: Error) => setProblem(error.message));
  }, [wanted]);

  const plan = plans.find((plan) => plan.code === basket.plan);
  if (problem) {
    return <p role="alert">{problem}</p>;
  }
  if (!plan) {
    return <p role="status">Fetching this week&apos;s menu …</p>;
  }

  function proceed() {
    saveBasket(basket);
    router.push("/checkout");
  }

  return (
    <>
      <fieldset className={styles.choice}>
        <legend>Plan</legend>
        {plans.map((each) => (
          <label key={each.code} className={styles.option}>
            <input
              type="radio"
              name="plan"
              checked={each.code === plan.code}
              onChange={() => setBasket(withPlan(basket, each))}
            />
            {each.title}, {each.meals} meals, {kroner(each.priceOre)}
          </label>
        ))}
      </fieldset>

      <fieldset className={styles.choice}>
        <legend>This week&apos;s menu</legend>
        {menu.map((meal) => {
          const chosen = basket.meals.includes(meal.code);
          return (
            <label key={meal.code} className={styles.option}>
              <input
                type="checkbox"
                name="meal"
                checked={chosen}
                disabled={!chosen && isFull(basket, plan)}
                onChange={() => setBasket(toggle(basket, meal.code, plan))}
              />
              {meal.title} <small>{meal.diet}, {meal.minutes} min</small>
            </label>
          );
        })}
      </fieldset>

      <p role="status">
        {missing(basket, plan) === 0 ? "The box is full." : `${missing(basket, plan)} more to choose.`}
      </p>
      <button type="button" disabled={missing(basket, plan) > 0} onClick={proceed}>
        Go to checkout
      </button>
    </>
  );
}
