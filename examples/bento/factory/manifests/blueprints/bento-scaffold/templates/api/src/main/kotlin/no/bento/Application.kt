package no.bento

import io.ktor.server.application.Application
import no.bento.plugins.configureCors
import no.bento.plugins.configureErrors
import no.bento.plugins.configureRouting
import no.bento.plugins.configureSerialization

/** Everything the API does, in the order a request meets it. */
fun Application.module() {
    configureSerialization()
    configureErrors()
    configureCors()
    configureRouting()
}
