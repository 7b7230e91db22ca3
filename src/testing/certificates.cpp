// Throwaway certificates: two authorities, one server with a valid and an expired certificate, one client.
#include "src/testing/certificates.hpp"

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "src/testing/files.hpp"
#include "src/testing/process.hpp"

namespace pg::testing {
namespace {

constexpr const char* valid_days = "3650";

/// Runs openssl in one folder as one account, until the first step that fails.
class Authority final {
public:
    Authority(const std::string& folder, const Account& account, Deadline deadline)
        : folder_(folder), account_(account), deadline_(deadline) {}

    /// <name>.key and a self-signed <name>.crt that may sign others.
    void found(const std::string& name) {
        openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",  //
                 "-keyout", path(name + ".key"), "-out", path(name + ".crt"), "-days", valid_days,       //
                 "-subj", "/CN=pgclient testing " + name});
    }

    /// <name>.key and a request for a certificate, <name>.csr.
    void request(const std::string& name, const std::string& common_name) {
        openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",  //
                 "-keyout", path(name + ".key"), "-out", path(name + ".csr"), "-subj", "/CN=" + common_name});
    }

    /// <name>.crt for a request, signed by `ca`. Negative days end it before it began.
    void sign(const std::string& request_name, const std::string& name, const char* days) {
        openssl({"x509", "-req", "-in", path(request_name + ".csr"), "-CA", path("ca.crt"), "-CAkey", path("ca.key"),
                 "-CAcreateserial", "-days", days, "-extfile", path(request_name + ".ext"), "-out",
                 path(name + ".crt")});
    }

    void write(const std::string& name, std::string_view content) {
        if (!outcome_) return;
        outcome_ = write_file(path(name), content);
        if (outcome_) outcome_ = give_to(account_, path(name));
    }

    /// Removes what only the making needed, the authorities' keys first of all.
    void discard(const std::vector<std::string>& names) {
        if (!outcome_) return;
        std::error_code ignored;
        for (const auto& name : names) std::filesystem::remove(path(name), ignored);
    }

    [[nodiscard]] Expected<void> outcome() const { return outcome_; }

private:
    [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

    void openssl(std::vector<std::string> arguments) {
        if (!outcome_) return;
        outcome_ = run({.program = "openssl",
                        .arguments = std::move(arguments),
                        .account = &account_,
                        .output = path("openssl.log")},
                       deadline_);
    }

    const std::string& folder_;
    const Account& account_;
    Deadline deadline_;
    Expected<void> outcome_;
};

}  // namespace

TestServerTls tls_files(const std::string& folder) {
    return {.ca = folder + "/ca.crt",
            .other_ca = folder + "/other_ca.crt",
            .server_certificate = folder + "/server.crt",
            .expired_certificate = folder + "/expired.crt",
            .server_key = folder + "/server.key",
            .client_certificate = folder + "/client.crt",
            .client_key = folder + "/client.key"};
}

Expected<void> make_certificates(const std::string& folder, const Account& account, Deadline deadline) {
    Authority authority(folder, account, deadline);
    authority.found("ca");
    authority.found("other_ca");
    authority.write("server.ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
    authority.write("client.ext", "extendedKeyUsage=clientAuth\n");
    authority.request("server", "localhost");
    authority.sign("server", "server", valid_days);
    authority.sign("server", "expired", "-1");
    authority.request("client", "postgres");
    authority.sign("client", "client", valid_days);
    authority.discard(
        {"ca.key", "ca.srl", "other_ca.key", "server.csr", "server.ext", "client.csr", "client.ext", "openssl.log"});
    return authority.outcome();
}

}  // namespace pg::testing
