DROP TABLE vault_secrets;
