// What is expensive to make is made once and kept, for this and every later process.
#pragma once

#include <functional>
#include <string>

#include "pg/deadline.hpp"
#include "pg/expected.hpp"
#include "src/testing/account.hpp"

namespace pg::testing {

/// Returns `<cache>/<name>`, a folder that `make` filled once. Safe against other threads and processes: one makes,
/// the others wait, and nobody ever sees a half-made folder. `make` gets a new folder, owned by `account`.
/// Errors: connect (a system call failed), timeout, and those of `make`.
Expected<std::string> made_once(const std::string& cache, const std::string& name, const Account& account,
                                Deadline deadline, const std::function<Expected<void>(const std::string&)>& make);

/// A short name that changes when the file is replaced: of its path, size and time of change.
Expected<std::string> fingerprint(const std::string& path);

}  // namespace pg::testing
