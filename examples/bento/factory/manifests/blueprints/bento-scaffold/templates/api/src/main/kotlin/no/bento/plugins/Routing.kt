package no.bento.plugins

import io.ktor.server.application.Application
import io.ktor.server.routing.route
import io.ktor.server.routing.routing
import no.bento.catalog.catalogRoutes

fun Application.configureRouting() {
    routing {
        route("/api/v1") {
            catalogRoutes()
        }
    }
}
