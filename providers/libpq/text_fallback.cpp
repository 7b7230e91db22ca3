// Learning which statements have a column without binary form.
#include "providers/libpq/text_fallback.hpp"

#include "providers/libpq/error.hpp"

namespace pg::libpq {

std::vector<Format> TextFallback::formats_for(std::span<const spi::Request> requests) const {
    std::vector<Format> formats;
    formats.reserve(requests.size());
    for (const spi::Request& request : requests) formats.push_back(format_for(request));
    return formats;
}

void TextFallback::learn_from(std::span<const spi::Request> requests, std::span<const Format> formats,
                              std::vector<Expected<Result>>& outcomes) {
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i] || formats[i] == Format::text || !lacks_binary_form(outcomes[i].error())) continue;
        remember(requests[i]);
        outcomes[i] = with_text_hint(outcomes[i].error());
    }
}

Error with_text_hint(const Error& error) {
    ErrorFields fields = error.fields();
    fields.hint =
        "a column has no binary form: ask for text with .format = pg::Format::text, or cast the column to text";
    return Error(std::move(fields));
}

}  // namespace pg::libpq
