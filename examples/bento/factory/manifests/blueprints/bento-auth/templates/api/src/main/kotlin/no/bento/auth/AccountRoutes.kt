package no.bento.auth

import io.ktor.http.HttpStatusCode
import io.ktor.server.request.receive
import io.ktor.server.response.respond
import io.ktor.server.routing.Route
import io.ktor.server.routing.post
import io.ktor.server.routing.route
import kotlinx.serialization.Serializable
import no.bento.plugins.Problem

@Serializable
data class Registration(
    val email: String,
    val password: String,
    val fullName: String,
    val country: String,
    val consent: Boolean,
) {
    fun validate() {
        require("@" in email && email.length <= 254) { "The e-mail address is not valid." }
        require(password.length in Passwords.SHORTEST..Passwords.LONGEST) {
            "The password needs ${Passwords.SHORTEST} to ${Passwords.LONGEST} characters."
        }
        require(fullName.isNotBlank()) { "The name is missing." }
        require(country in COUNTRIES) { "Bento delivers to ${COUNTRIES.joinToString()}." }
        require(consent) { "An account needs your consent to the privacy policy." }
    }

    private companion object {
        val COUNTRIES = listOf("NO", "SE", "DK", "FI", "IS")
    }
}

@Serializable
data class Login(val email: String, val password: String)

@Serializable
data class AccessToken(val token: String, val expiresInSeconds: Long)

fun Route.accountRoutes(users: Users, tokens: Tokens) {
    // Compared with where the address is unknown, so that the answer takes as long as for a known one.
    val nobody = Passwords.hash("no account has this password")

    route("/auth") {
        post("/register") {
            val wish = call.receive<Registration>()
            wish.validate()
            val id = users.add(wish.email.trim(), Passwords.hash(wish.password), wish.fullName.trim(), wish.country)
            if (id == null) {
                call.respond(HttpStatusCode.Conflict, Problem("There is an account with this address. Please sign in."))
            } else {
                call.respond(HttpStatusCode.Created, AccessToken(tokens.issue(id), Tokens.LIFETIME.seconds))
            }
        }
        post("/login") {
            val login = call.receive<Login>()
            val account = users.find(login.email.trim())
            val matches = Passwords.matches(login.password, account?.passwordHash ?: nobody)
            if (account == null || !matches) {
                call.respond(HttpStatusCode.Unauthorized, Problem("The address or the password is wrong."))
            } else {
                call.respond(AccessToken(tokens.issue(account.id), Tokens.LIFETIME.seconds))
            }
        }
    }
}
