// The texts that make a server what its options ask for.
#include "src/testing/settings.hpp"

namespace pg::testing {
namespace {

std::string doubled(char quote, std::string_view text) {
    std::string result(1, quote);
    for (const char c : text) {
        if (c == quote) result += quote;
        result += c;
    }
    return result += quote;
}

std::string_view method_name(TestServerAuth auth) {
    switch (auth) {
        case TestServerAuth::trust: return "trust";
        case TestServerAuth::password: return "password";
        case TestServerAuth::md5: return "md5";
        case TestServerAuth::scram_sha_256: return "scram-sha-256";
        case TestServerAuth::cert: return "cert";
    }
    return "reject";  // GCOVR_EXCL_LINE: every method is handled above
}

std::string credentials(const Address& address, std::string_view database) {
    std::string text = " port=" + std::to_string(address.port) + " user=postgres dbname=" + conninfo_value(database);
    if (!address.password.empty()) text += " password=" + conninfo_value(address.password);
    return text;
}

}  // namespace

bool needs_tls(const TestServerOptions& options) { return options.tls || options.auth == TestServerAuth::cert; }

bool needs_password(const TestServerOptions& options) {
    return options.auth != TestServerAuth::trust && options.auth != TestServerAuth::cert;
}

std::string configuration_text(const TestServerOptions& options, const TestServerTls& tls) {
    // synchronous_commit stays on: without it logical decoding sees a change only some 200 ms later.
    // Dynamic shared memory goes to the data folder, so that a killed server leaves nothing behind in /dev/shm.
    std::string text =
        "\n"
        "fsync = off\n"
        "full_page_writes = off\n"
        "synchronous_commit = on\n"
        "shared_buffers = 16MB\n"
        "dynamic_shared_memory_type = mmap\n"
        "timezone = 'UTC'\n"
        "log_timezone = 'UTC'\n"
        "logging_collector = off\n"
        "log_destination = 'stderr'\n"
        "unix_socket_permissions = 0700\n";
    if (needs_tls(options)) {
        const bool expired = options.certificate == TestServerCertificate::expired;
        text += "ssl = on\n";
        text += "ssl_cert_file = " + quoted_text(expired ? tls.expired_certificate : tls.server_certificate) + "\n";
        text += "ssl_key_file = " + quoted_text(tls.server_key) + "\n";
        text += "ssl_ca_file = " + quoted_text(tls.ca) + "\n";
    }
    for (const auto& line : options.settings) text += line + "\n";
    return text;
}

std::string access_text(TestServerAuth auth) {
    const std::string method(method_name(auth));
    const bool by_certificate = auth == TestServerAuth::cert;
    const std::string local = by_certificate ? "trust" : method;
    const std::string host = by_certificate ? "hostssl" : "host";
    return "local template1 postgres trust\n"
           "local all all " +
           local + "\n" + host + " all all 127.0.0.1/32 " + method + "\n" +  //
           "local replication all " + local + "\n" + host + " replication all 127.0.0.1/32 " + method + "\n";
}

std::string_view password_encryption(TestServerAuth auth) {
    return auth == TestServerAuth::md5 ? "md5" : "scram-sha-256";
}

std::string socket_conninfo(const Address& address, std::string_view database) {
    return "host=" + conninfo_value(address.socket_folder) + credentials(address, database);
}

std::string tcp_conninfo(const Address& address, std::string_view database, const TestServerTls& tls,
                         TestServerAuth auth) {
    if (tls.ca.empty()) return "host=127.0.0.1" + credentials(address, database) + " sslmode=disable";
    // The certificate is checked against `host`, the connection goes to `hostaddr`: localhost may also be ::1.
    std::string text = "host=localhost hostaddr=127.0.0.1" + credentials(address, database) +
                       " sslmode=verify-full sslrootcert=" + conninfo_value(tls.ca);
    if (auth == TestServerAuth::cert)
        text += " sslcert=" + conninfo_value(tls.client_certificate) + " sslkey=" + conninfo_value(tls.client_key);
    return text;
}

std::string conninfo_value(std::string_view value) {
    std::string result = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') result += '\\';
        result += c;
    }
    return result += '\'';
}

std::string quoted_text(std::string_view value) { return doubled('\'', value); }

std::string quoted_name(std::string_view name) { return doubled('"', name); }

}  // namespace pg::testing
