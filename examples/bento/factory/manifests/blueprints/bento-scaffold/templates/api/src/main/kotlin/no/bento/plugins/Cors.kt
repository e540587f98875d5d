package no.bento.plugins

import io.ktor.http.HttpHeaders
import io.ktor.http.HttpMethod
import io.ktor.server.application.Application
import io.ktor.server.application.install
import io.ktor.server.plugins.cors.routing.CORS
import java.net.URI

/** Only the origins that the settings list may call the API from a browser. */
fun Application.configureCors() {
    val origins = environment.config.property("cors.origins").getString().split(",").map { URI(it.trim()) }
    install(CORS) {
        for (origin in origins) {
            allowHost(origin.authority, schemes = listOf(origin.scheme))
        }
        allowHeader(HttpHeaders.Authorization)
        allowHeader(HttpHeaders.ContentType)
        allowMethod(HttpMethod.Patch)
        allowMethod(HttpMethod.Delete)
    }
}
