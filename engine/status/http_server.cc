#include "status/http_server.h"

#include <fmt/format.h>

#include <pthread.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/version.hpp>
#include <chrono>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "status/status_json.h"

namespace fleet_sim::status {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

constexpr std::chrono::milliseconds accept_pause{100};  // after the process has run out of descriptors
constexpr int linger_seconds = 1;  // for a client to see an answer that ends the connection
constexpr std::size_t read_buffer_bytes = most_header_bytes;

// Nothing but the page itself: no other origin, no frame around it, no plug-ins.
constexpr const char* content_security_policy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src "
    "'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string_view view_of(beast::string_view text) {
  return {text.data(), text.size()};
}

Response message_of(HttpResponse answer, unsigned version, bool keep_alive) {
  Response response(static_cast<http::status>(answer.status), version);
  response.set(http::field::content_type,
               beast::string_view(answer.content_type.data(), answer.content_type.size()));
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Content-Security-Policy", content_security_policy);
  response.set("Referrer-Policy", "no-referrer");
  if (!answer.allow.empty()) {
    response.set(http::field::allow, beast::string_view(answer.allow.data(), answer.allow.size()));
  }
  if (answer.status == 401) response.set(http::field::www_authenticate, "Bearer");
  response.keep_alive(keep_alive);
  response.body() = std::move(answer.body);
  response.prepare_payload();
  return response;
}

}  // namespace

// Connection and its shared state are named by HttpServer::Implementation, which is declared in a header, so
// they cannot be in the unnamed namespace.
class Connection;
using Connections = std::list<std::shared_ptr<Connection>>;

// What the connections share; touched by the server's thread only.
struct SharedByConnections {
  std::function<HttpResponse(const HttpRequest&)> answer;
  std::function<void()> count_error;
  Connections connections;  // longest idle first
};

// A client: a request, its answer, the next request. Requests sent ahead wait in the socket and the buffer
// until the answer before has gone.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Tcp::socket socket, SharedByConnections& shared) : stream_(std::move(socket)), shared_(shared) {}

  void start(Connections::iterator place) {
    place_ = place;
    read();
  }

  // Off the list at once; what is under way comes to an end with an error and finds nothing left to do.
  void leave() {
    if (std::exchange(left_, true)) return;
    stream_.close();
    shared_.connections.erase(place_);
  }

 private:
  void read() {
    // Memory is had when bytes come, and given back in between.
    if (buffer_.size() == 0) buffer_ = beast::flat_buffer(read_buffer_bytes);
    parser_.emplace();
    parser_->header_limit(most_header_bytes);
    parser_->body_limit(most_body_bytes);
    stream_.expires_after(std::chrono::seconds(request_seconds));
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, std::size_t) { self->take(error); });
  }

  void take(beast::error_code error) {
    if (error) return refuse(error);
    shared_.connections.splice(shared_.connections.end(), shared_.connections, place_);
    const Request& request = parser_->get();
    const HttpRequest plain{view_of(request.method_string()), view_of(request.target()),
                            view_of(request[http::field::host]), view_of(request[http::field::authorization]),
                            request.body()};
    HttpResponse answer = shared_.answer(plain);
    if (answer.status == 500) shared_.count_error();  // all others are answers that were meant
    const bool head = request.method() == http::verb::head;
    write(message_of(std::move(answer), request.version(), request.keep_alive()), head);
  }

  // A client that sends nonsense, or goes away, is no error of the run.
  void refuse(beast::error_code error) {
    if (left_ || !parser_->got_some()) return leave();
    if (error.category() != http::make_error_code(http::error::bad_version).category()) return leave();
    write(message_of(refusal_of(error), 11, false), false);
  }

  static HttpResponse refusal_of(beast::error_code error) {
    if (error == http::error::body_limit) {
      return {.status = 413, .body = error_json("the body is too large", "the limit is 64 KiB")};
    }
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return {.status = 431, .body = error_json("the header is too large", "the limit is 16 KiB")};
    }
    return {.status = 400, .body = error_json("not a valid HTTP request: " + error.message())};
  }

  void write(Response response, bool head) {
    response_ = std::move(response);
    serializer_.emplace(response_);
    serializer_->split(head);
    stream_.expires_after(std::chrono::seconds(response_seconds));
    const auto done = [self = shared_from_this()](beast::error_code error, std::size_t) {
      self->written(error);
    };
    if (head) {
      http::async_write_header(stream_, *serializer_, done);
    } else {
      http::async_write(stream_, *serializer_, done);
    }
  }

  void written(beast::error_code error) {
    const bool keep_alive = !error && response_.keep_alive();
    serializer_.reset();
    response_ = Response();
    if (left_ || error) return leave();
    if (keep_alive) return read();
    beast::error_code ignored;
    stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
    stream_.expires_after(std::chrono::seconds(linger_seconds));
    linger(0);
  }

  // To close while the client is still sending would take our answer away from it.
  void linger(std::size_t discarded) {
    if (discarded > most_body_bytes) return leave();
    buffer_.clear();
    stream_.async_read_some(
        buffer_.prepare(read_buffer_bytes / 2),
        [self = shared_from_this(), discarded](beast::error_code error, std::size_t bytes) {
          if (error || self->left_) return self->leave();
          self->linger(discarded + bytes);
        });
  }

  beast::tcp_stream stream_;
  SharedByConnections& shared_;
  Connections::iterator place_;
  beast::flat_buffer buffer_{read_buffer_bytes};
  std::optional<http::request_parser<http::string_body>> parser_;
  Response response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  bool left_ = false;
};

namespace {

Tcp::endpoint resolve(asio::io_context& context, const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  Tcp::resolver resolver(context);
  return resolver.resolve(host, address.substr(colon + 1), Tcp::resolver::passive)->endpoint();
}

// Does not listen yet; but nobody can be bound where another listens.
Tcp::acceptor bind_to(asio::io_context& context, const std::string& address) {
  const Tcp::endpoint endpoint = resolve(context, address);
  Tcp::acceptor acceptor(context, endpoint.protocol());
  acceptor.set_option(Tcp::acceptor::reuse_address(true));
  acceptor.bind(endpoint);
  return acceptor;
}

}  // namespace

// What Boost throws is no std::system_error before its version 1.80.
void check_address(const std::string& address) try {
  asio::io_context context(1);
  bind_to(context, address);
} catch (const boost::system::system_error& error) {
  throw std::system_error(error.code(), address);
}

class HttpServer::Implementation {
 public:
  Implementation(const std::string& address, std::size_t connections, HttpAccess access, ErrorCounts& errors)
      : most_(connections),
        access_(std::move(access)),
        acceptor_(bind_to(context_, address)),
        pause_(context_) {
    acceptor_.listen();
    access_.loopback_only = acceptor_.local_endpoint().address().is_loopback();
    shared_.answer = [this](const HttpRequest& request) { return answer(request); };
    shared_.count_error = [&errors] { errors.add(ErrorClass::http); };
    accept();
    thread_ = std::thread([this] { context_.run(); });
    pthread_setname_np(thread_.native_handle(), "http");  // for who looks where the processor time goes
  }

  ~Implementation() {
    context_.stop();
    thread_.join();
  }

  [[nodiscard]] std::string address() const {
    const Tcp::endpoint endpoint = acceptor_.local_endpoint();
    const std::string host = endpoint.address().to_string();
    return fmt::format(fmt::runtime(endpoint.address().is_v6() ? "[{}]:{}" : "{}:{}"), host, endpoint.port());
  }

  void answer_from(StatusSources sources) {
    const std::lock_guard lock(mutex_);
    sources_ = std::move(sources);
  }

 private:
  HttpResponse answer(const HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    try {
      return route(request, sources_, access_);
    } catch (const std::exception& error) {
      return {.status = 500, .body = error_json(error.what())};
    }
  }

  void accept() {
    acceptor_.async_accept([this](beast::error_code error, Tcp::socket socket) {
      if (error) return accept_later();
      make_room();
      shared_.connections.push_back(std::make_shared<Connection>(std::move(socket), shared_));
      shared_.connections.back()->start(std::prev(shared_.connections.end()));
      accept();
    });
  }

  void accept_later() {
    pause_.expires_after(accept_pause);
    pause_.async_wait([this](beast::error_code error) {
      if (!error) accept();
    });
  }

  void make_room() {
    if (shared_.connections.size() < most_) return;
    const std::shared_ptr<Connection> idle = shared_.connections.front();
    idle->leave();
  }

  std::size_t most_;
  HttpAccess access_;
  std::mutex mutex_;
  StatusSources sources_;  // under mutex_
  asio::io_context context_{1};
  SharedByConnections shared_;
  Tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::thread thread_;
};

HttpServer::HttpServer(const std::string& address, std::size_t connections, HttpAccess access,
                       ErrorCounts& errors) try
    : implementation_(std::make_unique<Implementation>(address, connections, std::move(access), errors)) {
} catch (const boost::system::system_error& error) {
  throw std::system_error(error.code(), address);
}

HttpServer::~HttpServer() = default;

std::string HttpServer::address() const {
  return implementation_->address();
}

void HttpServer::answer_from(StatusSources sources) {
  implementation_->answer_from(std::move(sources));
}

}  // namespace fleet_sim::status
