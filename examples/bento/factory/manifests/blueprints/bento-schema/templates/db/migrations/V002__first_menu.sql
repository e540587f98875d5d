-- The first menu. Codes are those of the API's catalog.

INSERT INTO meals (code, title, diet, minutes, available_from, available_to) VALUES
    ('ovnsbakt-laks', 'Baked salmon, dill potatoes', 'fish', 12, '2026-11-23', '2027-01-31'),
    ('kjottkaker', 'Meatballs, lingonberries, mash', 'meat', 10, '2026-11-23', '2027-01-31'),
    ('gulrotsuppe', 'Carrot and ginger soup, rye bread', 'vegan', 6, '2026-11-23', '2027-01-31'),
    ('byggotto', 'Barley risotto, forest mushrooms', 'vegetarian', 9, '2026-11-23', '2027-01-31'),
    ('torsk-erter', 'Cod, pea purée, bacon crumb', 'fish', 12, '2026-11-23', '2027-01-31'),
    ('kylling-rotgront', 'Chicken thigh, roasted roots', 'meat', 14, '2026-11-23', '2027-01-31'),
    ('linsegryte', 'Red lentil stew, kale', 'vegan', 8, '2026-11-23', '2027-01-31');
