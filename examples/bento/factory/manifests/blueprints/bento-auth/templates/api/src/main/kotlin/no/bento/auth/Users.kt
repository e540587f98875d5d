package no.bento.auth

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import java.util.UUID
import javax.sql.DataSource

data class Account(val id: UUID, val passwordHash: String)

/** The `users` table. Addresses are compared without regard to case, as its unique index does. */
class Users(private val database: DataSource) {
    /** The new account's id, or null where the address is taken. */
    suspend fun add(email: String, passwordHash: String, fullName: String, country: String): UUID? =
        withContext(Dispatchers.IO) {
            database.connection.use { connection ->
                connection.prepareStatement(
                    """
                    INSERT INTO users (email, password_hash, full_name, country, consented_at)
                    VALUES (?, ?, ?, ?, now())
                    ON CONFLICT (lower(email)) DO NOTHING
                    RETURNING id
                    """,
                ).use { statement ->
                    statement.setString(1, email)
                    statement.setString(2, passwordHash)
                    statement.setString(3, fullName)
                    statement.setString(4, country)
                    statement.executeQuery().use { rows -> if (rows.next()) rows.getObject("id", UUID::class.java) else null }
                }
            }
        }

    suspend fun find(email: String): Account? =
        withContext(Dispatchers.IO) {
            database.connection.use { connection ->
                connection.prepareStatement(
                    "SELECT id, password_hash FROM users WHERE lower(email) = lower(?) AND deleted_at IS NULL",
                ).use { statement ->
                    statement.setString(1, email)
                    statement.executeQuery().use { rows ->
                        if (rows.next()) {
                            Account(rows.getObject("id", UUID::class.java), rows.getString("password_hash"))
                        } else {
                            null
                        }
                    }
                }
            }
        }
}
