DROP TABLE mandatory_items;
