package no.bento.auth

import com.auth0.jwt.JWT
import com.auth0.jwt.algorithms.Algorithm
import com.auth0.jwt.interfaces.JWTVerifier
import io.ktor.server.application.Application
import java.time.Duration
import java.time.Instant
import java.util.UUID

/** Access tokens: signed, short-lived, and about nothing but who the caller is. */
class Tokens(secret: String, private val issuer: String, private val audience: String) {
    init {
        require(secret.length >= 32) { "JWT_SECRET must have at least 32 characters" }
    }

    private val algorithm = Algorithm.HMAC256(secret)

    val verifier: JWTVerifier = JWT.require(algorithm).withIssuer(issuer).withAudience(audience).build()

    fun issue(user: UUID, now: Instant = Instant.now()): String =
        JWT.create()
            .withIssuer(issuer)
            .withAudience(audience)
            .withSubject(user.toString())
            .withIssuedAt(now)
            .withExpiresAt(now.plus(LIFETIME))
            .sign(algorithm)

    companion object {
        val LIFETIME: Duration = Duration.ofHours(1)
    }
}

fun Application.tokens(): Tokens {
    val settings = environment.config.config("jwt")
    return Tokens(
        secret = settings.property("secret").getString(),
        issuer = settings.property("issuer").getString(),
        audience = settings.property("audience").getString(),
    )
}
