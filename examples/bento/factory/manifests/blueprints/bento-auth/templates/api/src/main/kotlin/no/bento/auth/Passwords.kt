package no.bento.auth

import java.security.MessageDigest
import java.security.SecureRandom
import java.util.Base64
import javax.crypto.SecretKeyFactory
import javax.crypto.spec.PBEKeySpec

/** PBKDF2 with HMAC-SHA256. A stored hash carries its own salt and rounds, so that the rounds can grow. */
object Passwords {
    const val SHORTEST = 12
    const val LONGEST = 128
    private const val SCHEME = "pbkdf2-sha256"
    private const val ROUNDS = 600_000
    private const val BITS = 256
    private val random = SecureRandom()

    fun hash(plain: String): String {
        val salt = ByteArray(16).also(random::nextBytes)
        return listOf(SCHEME, ROUNDS.toString(), encode(salt), encode(derive(plain, salt, ROUNDS))).joinToString("$")
    }

    fun matches(plain: String, stored: String): Boolean {
        val parts = stored.split("$")
        if (parts.size != 4 || parts[0] != SCHEME) return false
        val salt = Base64.getDecoder().decode(parts[2])
        val expected = Base64.getDecoder().decode(parts[3])
        return MessageDigest.isEqual(expected, derive(plain, salt, parts[1].toInt()))
    }

    private fun derive(plain: String, salt: ByteArray, rounds: Int): ByteArray {
        val spec = PBEKeySpec(plain.toCharArray(), salt, rounds, BITS)
        try {
            return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256").generateSecret(spec).encoded
        } finally {
            spec.clearPassword()
        }
    }

    private fun encode(bytes: ByteArray): String = Base64.getEncoder().encodeToString(bytes)
}
