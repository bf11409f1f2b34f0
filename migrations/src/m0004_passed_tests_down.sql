DROP TABLE passed_tests;
