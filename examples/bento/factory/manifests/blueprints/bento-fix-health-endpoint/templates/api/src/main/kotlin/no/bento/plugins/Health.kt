package no.bento.plugins

import io.ktor.http.HttpHeaders
import io.ktor.server.response.header
import io.ktor.server.response.respond
import io.ktor.server.routing.Route
import io.ktor.server.routing.get
import kotlinx.serialization.Serializable

@Serializable
data class Health(val status: String)

/** Says that this process answers. It asks nothing of the database, so that its outage does not restart the API. */
fun Route.healthRoutes() {
    get("/health") {
        call.response.header(HttpHeaders.CacheControl, "no-store")
        call.respond(Health(status = "ok"))
    }
}
