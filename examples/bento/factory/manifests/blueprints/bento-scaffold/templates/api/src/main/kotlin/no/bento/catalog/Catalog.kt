package no.bento.catalog

import kotlinx.serialization.Serializable

/** A weekly plan. `priceOre` is the price of one week's box in whole Norwegian øre, VAT included. */
@Serializable
data class Plan(val code: String, val title: String, val meals: Int, val portions: Int, val priceOre: Int)

/** A meal of this week's menu. */
@Serializable
data class Meal(val code: String, val title: String, val diet: String, val minutes: Int)

/** What can be ordered. It changes with a release, so it is code and not a table. */
object Catalog {
    val plans = listOf(
        Plan(code = "solo", title = "Solo", meals = 3, portions = 1, priceOre = 54900),
        Plan(code = "duo", title = "Duo", meals = 4, portions = 2, priceOre = 99900),
        Plan(code = "familie", title = "Familie", meals = 5, portions = 4, priceOre = 169900),
    )

    val meals = listOf(
        Meal(code = "ovnsbakt-laks", title = "Baked salmon, dill potatoes", diet = "fish", minutes = 12),
        Meal(code = "kjottkaker", title = "Meatballs, lingonberries, mash", diet = "meat", minutes = 10),
        Meal(code = "gulrotsuppe", title = "Carrot and ginger soup, rye bread", diet = "vegan", minutes = 6),
        Meal(code = "byggotto", title = "Barley risotto, forest mushrooms", diet = "vegetarian", minutes = 9),
        Meal(code = "torsk-erter", title = "Cod, pea purée, bacon crumb", diet = "fish", minutes = 12),
        Meal(code = "kylling-rotgront", title = "Chicken thigh, roasted roots", diet = "meat", minutes = 14),
        Meal(code = "linsegryte", title = "Red lentil stew, kale", diet = "vegan", minutes = 8),
    )
}
