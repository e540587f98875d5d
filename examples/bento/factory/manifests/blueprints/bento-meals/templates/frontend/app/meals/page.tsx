import type { Metadata } from "next";

import { MealPicker } from "./MealPicker";

export const metadata: Metadata = { title: "Choose your meals" };

export default async function MealsPage({ searchParams }: { searchParams: Promise<{ plan?: string }> }) {
  const { plan } = await searchParams;
  return (
    <>
      <h1>Choose your meals</h1>
      <MealPicker wanted={plan ?? "duo"} />
    </>
  );
}
