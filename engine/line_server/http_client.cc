#include "line_server/http_client.h"

#include <fmt/format.h>

#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#if FLEET_SIM_TLS
#include <boost/asio/ssl.hpp>
#include <boost/beast/ssl.hpp>
#endif

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/problems.h"

namespace fleet_sim::line_server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::size_t longest_answer = 4 << 20;  // some servers name every line that they reject
constexpr std::size_t longest_instead = 1'000;

// As a request names it: [::1]:8086.
std::string host_header(const HttpAddress& address) {
  const bool is_number = address.host.find(':') != std::string::npos;
  const bool is_usual_port = address.port == (address.is_secure ? "443" : "80");
  return (is_number ? "[" + address.host + "]" : address.host) + (is_usual_port ? "" : ":" + address.port);
}

std::string words_for(const error_code& error, std::chrono::milliseconds patience) {
  if (error == beast::error::timeout || error == asio::error::timed_out)
    return fmt::format("no answer from the server in {} s",
                       std::chrono::duration_cast<std::chrono::seconds>(patience).count());
  if (error == http::error::partial_message)
    return "the server closed the connection in the middle of its answer";
  if (error == http::error::end_of_stream || error == asio::error::eof ||
      error == asio::error::connection_reset)
    return "the server closed the connection without an answer";
  if (error.category() == make_error_code(http::error::bad_chunk).category())
    return "the server's answer cannot be read: " + error.message();
  return error.message();
}

// Whether what came in place of an answer's first line is none, or will be none once the rest has come.
bool is_foreign(const error_code& error, std::string_view came) {
  constexpr std::string_view beginning = "HTTP/1.";
  const bool begins = came.substr(0, beginning.size()) == beginning.substr(0, came.size());
  constexpr std::array of_http{http::error::end_of_stream, http::error::partial_message,
                               http::error::body_limit, http::error::header_limit};
  const bool is_unreadable = error.category() == make_error_code(of_http[0]).category() &&
                             std::ranges::none_of(of_http, [&](http::error one) { return error == one; });
  return !came.empty() && (is_unreadable || !begins);
}

}  // namespace

// A connection of either kind, on which one thing happens at a time.
class HttpClient::Connection {
 public:
  Connection(const HttpAddress& address, const Patience& patience)
      : address_(address), patience_(patience), stream_(context_) {}

  // Empty when the server is there.
  std::string open() {
    asio::ip::tcp::resolver resolver(context_);
    asio::ip::tcp::resolver::results_type places;
    error_code error = complete(patience_.connect, [&](auto done) {
      resolver.async_resolve(address_.host, address_.port, [&places, done](error_code e, auto found) {
        places = std::move(found);
        done(e);
      });
    });
    if (!error) {
      error = complete(patience_.connect, [&](auto done) {
        stream_.async_connect(places, [done](error_code e, auto) { done(e); });
      });
    }
    if (error) return words_for(error, patience_.connect);
    error_code ignored;
    stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    return address_.is_secure ? shake_hands() : std::string();
  }

  error_code send(const std::string& body) {
    http::request<http::span_body<const char>> request(http::verb::post, address_.target, 11);
    request.set(http::field::host, host_header(address_));
    request.set(http::field::user_agent, "fleet-sim");
    request.set(http::field::content_type, "text/plain; charset=utf-8");
    if (!address_.authorization.empty()) request.set(http::field::authorization, address_.authorization);
    request.keep_alive(true);
    request.body() = beast::span<const char>(body.data(), body.size());
    request.prepare_payload();
    return over([&](auto& stream, auto done) {
      http::async_write(stream, request, [done](error_code e, std::size_t) { done(e); });
    });
  }

  Response answer() {
    keeps_ = false;
    http::response_parser<http::string_body> answer;
    answer.body_limit(longest_answer);
    beast::flat_buffer buffer;
    std::size_t understood = 0;
    const error_code error = over([&](auto& stream, auto done) {
      http::async_read(stream, buffer, answer, [&understood, done](error_code e, std::size_t bytes) {
        understood = bytes;
        done(e);
      });
    });
    if (error) {
      const auto rest = buffer.data();
      if (understood > 0) return no_answer(error);  // whoever said that speaks HTTP
      return no_answer(error, {static_cast<const char*>(rest.data()), rest.size()});
    }
    keeps_ = answer.get().keep_alive();
    return response_of(answer.get());
  }

  // `came`: what came first, and was not understood.
  [[nodiscard]] Response no_answer(const error_code& error, std::string_view came = {}) const {
    Response response{.text = words_for(error, patience_.answer), .was_sent = true};
    if (is_foreign(error, came)) response.instead = came.substr(0, longest_instead);
    return response;
  }

  // Whether the server takes another request here.
  [[nodiscard]] bool keeps() const { return keeps_; }

  // Whether it has said something unasked, which is goodbye.
  [[nodiscard]] bool is_left() {
    char byte = 0;
    return ::recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
           (errno != EAGAIN && errno != EWOULDBLOCK);
  }

 private:
  // Starts something and waits for it, but no longer than that.
  template <class Start>
  error_code complete(std::chrono::milliseconds at_most, const Start& start) {
    error_code result = asio::error::timed_out;
    stream_.expires_after(at_most);
    start([&result](error_code e) { result = e; });
    context_.restart();
    context_.run_for(at_most + std::chrono::seconds(1));
    context_.stop();
    return result;
  }

  // Half of an exchange, on the stream of its kind.
  template <class Start>
  error_code over(const Start& start) {
    return complete(patience_.answer, [&](auto done) {
#if FLEET_SIM_TLS
      if (secure_) return start(*secure_, done);
#endif
      start(stream_, done);
    });
  }

  static Response response_of(const http::response<http::string_body>& answer) {
    Response response{.status = answer.result_int(), .text = answer.body(), .was_sent = true};
    response.location = std::string(answer[http::field::location]);
    const auto after = answer[http::field::retry_after];
    long seconds = 0;
    if (std::from_chars(after.data(), after.data() + after.size(), seconds).ec == std::errc() && seconds >= 0)
      response.retry_after = std::chrono::seconds(seconds);
    return response;
  }

#if FLEET_SIM_TLS
  std::string shake_hands() {
    error_code error;
    tls_.set_default_verify_paths(error);
    secure_.emplace(stream_, tls_);
    secure_->set_verify_mode(asio::ssl::verify_peer);
    secure_->set_verify_callback(asio::ssl::host_name_verification(address_.host));
    SSL_set_tlsext_host_name(secure_->native_handle(), address_.host.c_str());
    error = complete(patience_.connect, [&](auto done) {
      secure_->async_handshake(asio::ssl::stream_base::client, [done](error_code e) { done(e); });
    });
    return error ? "no TLS with the server: " + words_for(error, patience_.connect) : std::string();
  }
#else
  static std::string shake_hands() {
    return "this build of fleet-sim has no TLS";
  }
#endif

  const HttpAddress& address_;
  const Patience& patience_;
  asio::io_context context_{1};
  beast::tcp_stream stream_;
#if FLEET_SIM_TLS
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  std::optional<beast::ssl_stream<beast::tcp_stream&>> secure_;
#endif
  bool keeps_ = false;
};

HttpClient::HttpClient(HttpAddress address, Patience patience)
    : address_(std::move(address)), patience_(patience) {
#if !FLEET_SIM_TLS
  if (address_.is_secure)
    throw InvalidInput(
        "sink.address: this build of fleet-sim has no TLS; install libssl-dev and build again");
#endif
}

HttpClient::~HttpClient() = default;

void HttpClient::send(const std::string& body) {
  if (connection_ && connection_->is_left()) close();
  if (!connection_) {
    connection_ = std::make_unique<Connection>(address_, patience_);
    if (std::string why = connection_->open(); !why.empty()) {
      failure_ = {.text = std::move(why)};
      return close();
    }
  }
  if (const error_code error = connection_->send(body)) {
    failure_ = connection_->no_answer(error);
    close();
  }
}

Response HttpClient::answer() {
  if (!connection_) return failure_;
  Response response = connection_->answer();
  if (!connection_->keeps()) close();
  return response;
}

void HttpClient::close() {
  connection_.reset();
}

}  // namespace fleet_sim::line_server
