/** The words of the landing page, apart from its layout, so that they can be changed without touching it. */

export const hero = {
  title: "Dinner is already made.",
  claim: "Seasonal Nordic meals, cooked in small batches and portioned for the week, delivered in one box.",
  action: "Choose your meals",
};

export const steps = [
  { title: "Pick a plan", text: "One, two or four people. Pause or cancel any week, without a call." },
  { title: "Choose the meals", text: "A new menu each Thursday: fish, meat, vegetarian and vegan." },
  { title: "Heat and eat", text: "Under a quarter of an hour from fridge to table." },
];

/** The API's catalog is the authority for plans; a test holds this list to it. */
export const plans = [
  { code: "solo", title: "Solo", meals: 3, portions: 1, priceOre: 54900 },
  { code: "duo", title: "Duo", meals: 4, portions: 2, priceOre: 99900 },
  { code: "familie", title: "Familie", meals: 5, portions: 4, priceOre: 169900 },
];
