package no.bento.catalog

import io.ktor.server.response.respond
import io.ktor.server.routing.Route
import io.ktor.server.routing.get

fun Route.catalogRoutes() {
    get("/plans") {
        call.respond(Catalog.plans)
    }
    get("/meals") {
        call.respond(Catalog.meals)
    }
}
