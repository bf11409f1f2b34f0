DROP INDEX deliveries_set_aside;
ALTER TABLE nodes DROP COLUMN routes_health;
DROP TABLE preferences;
DROP TABLE relay_state;
