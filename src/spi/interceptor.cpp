// Interceptor: one that says nothing lets everything pass.
#include "pg/spi/interceptor.hpp"

namespace pg::spi {

Interceptor::~Interceptor() = default;

Expected<std::optional<Result>> Interceptor::do_before(InterceptedRequest&) noexcept { return std::optional<Result>(); }
void Interceptor::do_after(const InterceptedRequest&, Expected<Result>&) noexcept {}
void Interceptor::do_ended(const InterceptedRequest&, const Error*) noexcept {}

}  // namespace pg::spi
