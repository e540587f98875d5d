-- Users, subscriptions, meals, deliveries. PostgreSQL 17.
-- Money is whole øre. Times are instants; a delivery day is a local date.

CREATE TABLE users (
    id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    email         text        NOT NULL CHECK (length(email) BETWEEN 3 AND 254 AND email LIKE '%_@_%'),
    password_hash text        NOT NULL CHECK (length(password_hash) >= 60),
    full_name     text        NOT NULL CHECK (length(trim(full_name)) > 0),
    country       text        NOT NULL DEFAULT 'NO' CHECK (country IN ('NO', 'SE', 'DK', 'FI', 'IS')),
    consented_at  timestamptz NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz
);

-- One account per address, however it is typed.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

CREATE TABLE subscriptions (
    id             uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id        uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    plan           text        NOT NULL CHECK (plan IN ('solo', 'duo', 'familie')),
    status         text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'cancelled')),
    price_ore      integer     NOT NULL CHECK (price_ore > 0),
    street         text        NOT NULL CHECK (length(trim(street)) > 0),
    postal_code    text        NOT NULL CHECK (length(postal_code) BETWEEN 3 AND 6),
    city           text        NOT NULL CHECK (length(trim(city)) > 0),
    started_at     timestamptz NOT NULL DEFAULT now(),
    cancelled_at   timestamptz,
    CONSTRAINT cancelled_has_a_time CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL))
);

-- At most one subscription that is not over for each user; also the way to find it.
CREATE UNIQUE INDEX subscriptions_one_open_per_user ON subscriptions (user_id) WHERE status <> 'cancelled';

CREATE TABLE meals (
    code           text        PRIMARY KEY CHECK (code = lower(code) AND length(code) BETWEEN 3 AND 40),
    title          text        NOT NULL,
    diet           text        NOT NULL CHECK (diet IN ('meat', 'fish', 'vegetarian', 'vegan')),
    minutes        smallint    NOT NULL CHECK (minutes BETWEEN 1 AND 120),
    available_from date        NOT NULL,
    available_to   date        NOT NULL,
    CONSTRAINT available_for_a_while CHECK (available_from <= available_to)
);

CREATE INDEX meals_by_week ON meals (available_from, available_to);

CREATE TABLE deliveries (
    id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    subscription_id uuid        NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    deliver_on      date        NOT NULL,
    status          text        NOT NULL DEFAULT 'planned'
                                CHECK (status IN ('planned', 'packed', 'delivered', 'skipped', 'failed')),
    delivered_at    timestamptz,
    CONSTRAINT one_box_a_day UNIQUE (subscription_id, deliver_on),
    CONSTRAINT delivered_has_a_time CHECK ((status = 'delivered') = (delivered_at IS NOT NULL))
);

-- What the kitchen packs on a day.
CREATE INDEX deliveries_by_day ON deliveries (deliver_on, status);

CREATE TABLE delivery_meals (
    delivery_id uuid     NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    meal_code   text     NOT NULL REFERENCES meals (code) ON DELETE RESTRICT,
    portions    smallint NOT NULL CHECK (portions BETWEEN 1 AND 8),
    PRIMARY KEY (delivery_id, meal_code)
);

CREATE INDEX delivery_meals_by_meal ON delivery_meals (meal_code);
