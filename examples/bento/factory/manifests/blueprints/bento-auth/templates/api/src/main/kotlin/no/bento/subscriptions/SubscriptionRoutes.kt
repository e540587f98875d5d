package no.bento.subscriptions

import io.ktor.http.HttpStatusCode
import io.ktor.server.application.ApplicationCall
import io.ktor.server.auth.authenticate
import io.ktor.server.auth.jwt.JWTPrincipal
import io.ktor.server.auth.principal
import io.ktor.server.request.receive
import io.ktor.server.response.respond
import io.ktor.server.routing.Route
import io.ktor.server.routing.delete
import io.ktor.server.routing.get
import io.ktor.server.routing.patch
import io.ktor.server.routing.post
import kotlinx.serialization.Serializable
import no.bento.catalog.Catalog
import no.bento.catalog.Plan
import no.bento.plugins.ACCOUNT
import no.bento.plugins.Problem
import java.time.DayOfWeek
import java.time.LocalDate
import java.time.temporal.TemporalAdjusters
import java.util.UUID

@Serializable
data class NewSubscription(
    val plan: String,
    val meals: List<String>,
    val street: String,
    val postalCode: String,
    val city: String,
) {
    /** The plan that is meant, once everything is as it should be. */
    fun validated(): Plan {
        val wanted = requireNotNull(Catalog.plans.find { it.code == plan }) { "There is no such plan." }
        val known = Catalog.meals.map { it.code }.toSet()
        require(meals.size == wanted.meals && meals.toSet().size == meals.size) {
            "${wanted.title} is ${wanted.meals} different meals."
        }
        require(known.containsAll(meals)) { "One of the meals is not on this week's menu." }
        require(street.isNotBlank() && city.isNotBlank()) { "The address is not complete." }
        require(postalCode.length in 3..6) { "The postal code is not valid." }
        return wanted
    }
}

@Serializable
data class StatusChange(val status: String)

fun Route.subscriptionRoutes(subscriptions: Subscriptions) {
    authenticate(ACCOUNT) {
        get("/subscriptions") {
            call.respond(subscriptions.of(call.account()))
        }
        post("/subscriptions") {
            val wish = call.receive<NewSubscription>()
            val plan = wish.validated()
            val address = Address(wish.street.trim(), wish.postalCode.trim(), wish.city.trim())
            val first = LocalDate.now().plusDays(2).with(TemporalAdjusters.nextOrSame(DayOfWeek.TUESDAY))
            val made = subscriptions.start(call.account(), plan, address, wish.meals, first)
            if (made == null) {
                call.respond(HttpStatusCode.Conflict, Problem("You have a subscription already."))
            } else {
                call.respond(HttpStatusCode.Created, made)
            }
        }
        patch("/subscriptions/{id}") {
            val change = call.receive<StatusChange>()
            require(change.status in listOf("active", "paused")) { "A subscription can be active or paused." }
            call.respondOrNotFound(subscriptions.setStatus(call.account(), call.subscriptionId(), change.status))
        }
        delete("/subscriptions/{id}") {
            call.respondOrNotFound(subscriptions.cancel(call.account(), call.subscriptionId()))
        }
    }
}

private fun ApplicationCall.account(): UUID = UUID.fromString(checkNotNull(principal<JWTPrincipal>()?.subject))

private fun ApplicationCall.subscriptionId(): UUID = UUID.fromString(checkNotNull(parameters["id"]))

private suspend fun ApplicationCall.respondOrNotFound(subscription: Subscription?) {
    if (subscription == null) {
        respond(HttpStatusCode.NotFound, Problem("There is no such subscription."))
    } else {
        respond(subscription)
    }
}
