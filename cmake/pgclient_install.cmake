# Install, export and package: find_package(pgclient), pkg-config, CPack.
