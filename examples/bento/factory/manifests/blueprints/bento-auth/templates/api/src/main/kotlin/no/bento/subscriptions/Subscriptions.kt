package no.bento.subscriptions

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import kotlinx.serialization.Serializable
import no.bento.catalog.Plan
import java.sql.Connection
import java.sql.ResultSet
import java.sql.SQLException
import java.time.LocalDate
import java.util.UUID
import javax.sql.DataSource

@Serializable
data class Subscription(
    val id: String,
    val plan: String,
    val status: String,
    val priceOre: Int,
    val street: String,
    val postalCode: String,
    val city: String,
)

data class Address(val street: String, val postalCode: String, val city: String)

/** The `subscriptions` table, and the deliveries that a new subscription brings. Every query names the owner. */
class Subscriptions(private val database: DataSource) {
    suspend fun of(user: UUID): List<Subscription> =
        query("SELECT * FROM subscriptions WHERE user_id = ? ORDER BY started_at DESC", user)

    /** Subscription, first delivery and its meals, or nothing at all; null where the user has an open one. */
    suspend fun start(user: UUID, plan: Plan, address: Address, meals: List<String>, first: LocalDate): Subscription? =
        withContext(Dispatchers.IO) {
            database.connection.use { connection ->
                connection.autoCommit = false
                try {
                    val subscription = connection.addSubscription(user, plan, address)
                    if (subscription != null) {
                        connection.addDelivery(UUID.fromString(subscription.id), first, meals, plan.portions)
                    }
                    connection.commit()
                    subscription
                } catch (problem: SQLException) {
                    connection.rollback()
                    throw problem
                }
            }
        }

    /** Pauses or resumes; null where the user has no such subscription or it is cancelled. */
    suspend fun setStatus(user: UUID, id: UUID, status: String): Subscription? =
        query(
            """
            UPDATE subscriptions SET status = ?
            WHERE id = ? AND user_id = ? AND status <> 'cancelled'
            RETURNING *
            """,
            status, id, user,
        ).firstOrNull()

    /** Cancels; null where the user has no such subscription or it is cancelled already. */
    suspend fun cancel(user: UUID, id: UUID): Subscription? =
        query(
            """
            UPDATE subscriptions SET status = 'cancelled', cancelled_at = now()
            WHERE id = ? AND user_id = ? AND status <> 'cancelled'
            RETURNING *
            """,
            id, user,
        ).firstOrNull()

    private suspend fun query(sql: String, vararg values: Any): List<Subscription> =
        withContext(Dispatchers.IO) { database.connection.use { it.read(sql, *values) } }
}

private fun Connection.addSubscription(user: UUID, plan: Plan, address: Address): Subscription? =
    read(
        """
        INSERT INTO subscriptions (user_id, plan, price_ore, street, postal_code, city)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (user_id) WHERE status <> 'cancelled' DO NOTHING
        RETURNING *
        """,
        user, plan.code, plan.priceOre, address.street, address.postalCode, address.city,
    ).firstOrNull()

private fun Connection.addDelivery(subscription: UUID, day: LocalDate, meals: List<String>, portions: Int) {
    val delivery = UUID.randomUUID()
    prepareStatement("INSERT INTO deliveries (id, subscription_id, deliver_on) VALUES (?, ?, ?)").use { statement ->
        statement.setObject(1, delivery)
        statement.setObject(2, subscription)
        statement.setObject(3, day)
        statement.executeUpdate()
    }
    prepareStatement("INSERT INTO delivery_meals (delivery_id, meal_code, portions) VALUES (?, ?, ?)").use { statement ->
        for (meal in meals) {
            statement.setObject(1, delivery)
            statement.setString(2, meal)
            statement.setInt(3, portions)
            statement.addBatch()
        }
        statement.executeBatch()
    }
}

private fun Connection.read(sql: String, vararg values: Any): List<Subscription> =
    prepareStatement(sql).use { statement ->
        values.forEachIndexed { index, value -> statement.setObject(index + 1, value) }
        statement.executeQuery().use { rows -> buildList { while (rows.next()) add(rows.toSubscription()) } }
    }

private fun ResultSet.toSubscription() = Subscription(
    id = getString("id"),
    plan = getString("plan"),
    status = getString("status"),
    priceOre = getInt("price_ore"),
    street = getString("street"),
    postalCode = getString("postal_code"),
    city = getString("city"),
)
