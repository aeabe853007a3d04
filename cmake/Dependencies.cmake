# Third-party parts. All are Debian 12 packages; `./dev setup` installs them.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(RABBITMQ REQUIRED IMPORTED_TARGET librabbitmq)
pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET simdjson)
find_path(BOOST_INCLUDE boost/asio/awaitable.hpp REQUIRED)

# Boost is used header-only except Asio and Beast, which are compiled once, here: every other translation unit only
# declares them. That halves the build.
add_library(boost INTERFACE)
target_include_directories(boost SYSTEM INTERFACE ${BOOST_INCLUDE})
target_compile_definitions(boost INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_SEPARATE_COMPILATION BOOST_ALL_NO_LIB)
add_library(boost_asio STATIC ${CMAKE_CURRENT_LIST_DIR}/boost/asio.cc)
add_library(boost_beast STATIC ${CMAKE_CURRENT_LIST_DIR}/boost/beast.cc)
add_library(boost_asio_ssl STATIC ${CMAKE_CURRENT_LIST_DIR}/boost/asio_ssl.cc)
target_link_libraries(boost_asio PUBLIC boost)
target_link_libraries(boost_asio_ssl PUBLIC boost_asio OpenSSL::SSL)
target_link_libraries(boost_beast PUBLIC boost_asio)
target_link_libraries(boost INTERFACE Threads::Threads)
