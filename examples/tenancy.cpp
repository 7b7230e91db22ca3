// One database, many tenants: row security that the server enforces, and a tenant for every request.
#include <pg/batch.hpp>
#include <pg/tenancy.hpp>

#include "example.hpp"

int main(int argc, char** argv) {
    const std::string uri = example::conninfo(argc, argv);
    pg::Client owner = pg::connect(uri);
    example::check(
        owner.query_one<bool>("select not (rolsuper or rolbypassrls) from pg_roles where rolname = current_user"),
        "the role is an ordinary one: a superuser would see everything");
    owner.run_script(
        // [policy]
        "create table invoices (id int, tenant text not null default current_setting('app.tenant'));"
        "alter table invoices enable row level security;"
        "alter table invoices force row level security;"
        "create policy own on invoices using (tenant = current_setting('app.tenant', true));"
        // [policy]
    );

    // [open]
    const std::vector<std::shared_ptr<pg::spi::Interceptor>> interceptors{std::make_shared<pg::Tenancy>("app.tenant")};
    const pg::Client db = pg::connect(uri, {.interceptors = &interceptors});
    // [open]

    // [use]
    pg::Client acme = pg::for_tenant(db, "acme");  // the same sessions
    acme.exec("insert into invoices (id) values ($1)", 1);
    acme.transaction([](pg::Transaction& tx) { tx.exec("insert into invoices (id) values (2)"); });
    const auto mine = acme.query_one<std::int64_t>("select count(*) from invoices");
    const auto others = pg::for_tenant(db, "umbrella").query_one<std::int64_t>("select count(*) from invoices");
    // [use]
    example::check(mine == 2 && others == 0, "each sees its own rows");

    // [none]
    pg::Client nobody = db;
    const auto refused = nobody.try_query("select * from invoices");  // UsageError: nothing was sent
    // [none]
    example::check(!refused && refused.error().kind() == pg::ErrorKind::usage, "a request has a tenant");
}
