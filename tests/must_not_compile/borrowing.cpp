// Rows that outlive what was received own their bytes.
#include <string>
#include <string_view>

#include "pg/client.hpp"
#include "pg/prepared.hpp"
#include "pg/rows.hpp"

std::string right(const pg::Prepared<std::string(int)>& prepared) { return prepared(1); }

#if CASE == 1  // refuses: rows that are kept own their bytes
void viewed(const pg::Prepared<std::string_view(int)>& prepared) { static_cast<void>(prepared(1)); }
#endif
#if CASE == 2  // refuses: (constraint|no matching)
void viewed(pg::Client& client) { static_cast<void>(client.query_one<std::string_view>("select 'x'")); }
#endif
#if CASE == 3  // refuses: deleted
auto named(pg::Client& client) { return client.query("select 1 as n")[0].columns(); }
#endif
#if CASE == 4  // refuses: deleted
std::string_view first(pg::Client& client) { return client.query("select 'x'").begin()->get<std::string_view>(0); }
#endif
#if CASE == 5  // refuses: (discards qualifiers|not viable|cannot bind|passing)
int first(const pg::Result& result) { return *result.rows<int>().begin(); }
#endif
