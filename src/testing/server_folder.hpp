// The folders of one server, and the template that its data is copied from.
#pragma once

#include <string>
#include <vector>

#include "pg/deadline.hpp"
#include "pg/expected.hpp"
#include "src/testing/account.hpp"

namespace pg::testing {

/// Where one server keeps everything. Value: names, not ownership.
struct ServerFolder {
    std::string root;     ///< new, empty, mode 0700, owned by the server's account
    std::string sockets;  ///< in the root, or a folder of its own when that path is too long for a socket
    [[nodiscard]] std::string data() const { return root + "/data"; }
    [[nodiscard]] std::string tls() const { return root + "/tls"; }
    [[nodiscard]] std::string log() const { return root + "/log"; }
    /// What has to be removed at the end.
    [[nodiscard]] std::vector<std::string> all() const { return {root, sockets}; }
};

/// $TMPDIR; without it /dev/shm when there is room for a few servers, else /tmp.
std::string temporary_folder();

/// Whether PostgreSQL can put a socket there: a short path, and no character that its list of folders would split at.
bool fits_a_socket(const std::string& folder);

/// Errors: connect.
Expected<ServerFolder> make_server_folder(const Account& account);

/// A new, empty folder of this process's own account where a socket fits. Errors: connect.
Expected<std::string> make_socket_folder();

/// The folder of a fresh cluster made by `<programs>/initdb`, and of certificates; both are made once per cache.
Expected<std::string> cluster_template(const std::string& programs, int major, const std::string& cache,
                                       const Account& account, Deadline deadline);
Expected<std::string> certificate_template(const std::string& cache, const Account& account, Deadline deadline);

}  // namespace pg::testing
