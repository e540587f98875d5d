package no.bento.plugins

import io.ktor.http.HttpStatusCode
import io.ktor.server.application.Application
import io.ktor.server.application.install
import io.ktor.server.auth.Authentication
import io.ktor.server.auth.jwt.JWTPrincipal
import io.ktor.server.auth.jwt.jwt
import io.ktor.server.response.respond
import no.bento.auth.tokens

/** The name under which routes ask for a signed-in account. */
const val ACCOUNT = "account"

fun Application.configureSecurity() {
    val tokens = tokens()
    install(Authentication) {
        jwt(ACCOUNT) {
            verifier(tokens.verifier)
            validate { credential -> credential.subject?.let { JWTPrincipal(credential.payload) } }
            challenge { _, _ -> call.respond(HttpStatusCode.Unauthorized, Problem("Please sign in.")) }
        }
    }
}
