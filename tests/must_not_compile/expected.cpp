// Expected cannot be dropped, and has no value where there is none to have.
#include "pg/expected.hpp"

#pragma GCC diagnostic error "-Wunused-result"

pg::Expected<int> answer();
pg::Expected<void> act();

int right() {
    act().value();
    return answer().value();
}

#if CASE == 1  // refuses: ignoring returned value of type .*Expected<int>
void dropped() { answer(); }
#endif
#if CASE == 2  // refuses: ignoring returned value of type .*Expected<void>
void dropped_void() { act(); }
#endif
#if CASE == 3  // refuses: (no match for .operator\*.|no overload|invalid)
int no_value() { return *act(); }
#endif
#if CASE == 4  // refuses: (cannot convert|conversion)
int not_a_number() { return answer(); }
#endif
#if CASE == 5  // refuses: no matching function for call to .*Error::Error
pg::Error without_fields() { return pg::Error("a text"); }
#endif
#if CASE == 6  // refuses: deleted
auto of_a_temporary(pg::Expected<int*> (*asked)()) { return asked().operator->(); }
#endif
