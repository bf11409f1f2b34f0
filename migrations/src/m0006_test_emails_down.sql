DROP TABLE test_emails;
