import type { Meal, Plan } from "@/lib/api";

/** The week's choice, before it is ordered. Pure: keeping it between pages is `basketStore`'s work. */
export type Basket = { plan: string; meals: string[] };

/** Adds or removes a meal; a full box takes no more. */
export function toggle(basket: Basket, meal: string, plan: Plan): Basket {
  if (basket.meals.includes(meal)) {
    return { ...basket, meals: basket.meals.filter((code) => code !== meal) };
  }
  return isFull(basket, plan) ? basket : { ...basket, meals: [...basket.meals, meal] };
}

export function isFull(basket: Basket, plan: Plan): boolean {
  return basket.meals.length >= plan.meals;
}

/** Another plan keeps what still fits, in the order it was chosen. */
export function withPlan(basket: Basket, plan: Plan): Basket {
  return { plan: plan.code, meals: basket.meals.slice(0, plan.meals) };
}

/** Drops what is not on this week's menu any more. */
export function onMenu(basket: Basket, menu: Meal[]): Basket {
  const codes = new Set(menu.map((meal) => meal.code));
  return { ...basket, meals: basket.meals.filter((code) => codes.has(code)) };
}

export function missing(basket: Basket, plan: Plan): number {
  return Math.max(0, plan.meals - basket.meals.length);
}
