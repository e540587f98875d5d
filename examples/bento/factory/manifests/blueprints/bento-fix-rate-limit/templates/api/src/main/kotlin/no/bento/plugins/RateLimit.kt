package no.bento.plugins

import io.ktor.server.application.Application
import io.ktor.server.application.install
import io.ktor.server.plugins.forwardedheaders.XForwardedHeaders
import io.ktor.server.plugins.origin
import io.ktor.server.plugins.ratelimit.RateLimit
import kotlin.time.Duration.Companion.minutes

private const val REQUESTS_PER_MINUTE = 100

/**
 * One client may send so many requests a minute; the next one gets 429 and `Retry-After`.
 *
 * Clients come through the web app, which says whose request it passes on. Only its own word counts, not what the client
 * claims in front of it.
 */
fun Application.configureRateLimit() {
    install(XForwardedHeaders) {
        useLastProxy()
    }
    install(RateLimit) {
        global {
            rateLimiter(limit = REQUESTS_PER_MINUTE, refillPeriod = 1.minutes)
            requestKey { call -> call.request.origin.remoteHost }
        }
    }
}
