package no.bento.plugins

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource
import io.ktor.server.application.Application
import io.ktor.server.application.ApplicationStopped
import javax.sql.DataSource

/** A small pool of connections that lives as long as the application. */
fun Application.connectDatabase(): DataSource {
    val settings = environment.config.config("database")
    val pool = HikariDataSource(
        HikariConfig().apply {
            jdbcUrl = settings.property("url").getString()
            username = settings.property("user").getString()
            password = settings.property("password").getString()
            maximumPoolSize = 8
        },
    )
    monitor.subscribe(ApplicationStopped) { pool.close() }
    return pool
}
