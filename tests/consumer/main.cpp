// A stranger's program: it uses nothing but installed headers and the library.
#include <cstdio>
#include <pg/error.hpp>
#include <string>

int main() {
    const pg::Error error(pg::ErrorFields{.kind = pg::ErrorKind::unique_violation, .message = "name is taken"});
    try {
        error.raise();
    } catch (const pg::UniqueViolation& caught) {
        std::printf("%s: %s\n", std::string(pg::to_string(caught.kind())).c_str(), caught.what());
        return 0;
    }
    return 1;
}
