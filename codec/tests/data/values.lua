-- The data set that `codec/tests/rdb_files.rs` expects in strings.rdb and plain.rdb.
local integers = {
    '0', '-1', '1', '127', '128', '-128', '-129', '255', '256', '32767', '32768', '-32768',
    '-32769', '2147483647', '2147483648', '-2147483648', '-2147483649', '4294967296',
    '9223372036854775807', '-9223372036854775808',
}
for _, text in ipairs(integers) do
    redis.call('SET', 'int:' .. text, text)
    redis.call('SET', text, 'key ' .. text)
end
for _, text in ipairs({'-0', '00', '+1', '1.0', '9223372036854775808'}) do
    redis.call('SET', 'text:' .. text, text)
end
for _, length in ipairs({0, 1, 19, 20, 21, 22, 63, 64, 263, 264, 265, 10240, 16383, 16384}) do
    redis.call('SET', 'length:' .. length, string.rep('a', length))
end
redis.call('SET', '', 'the key is empty')
redis.call('SET', string.rep('long key ', 40), 'the key is long')
redis.call('SET', 'words', string.rep('compressible words, ', 512))
local bytes = {}
for byte = 0, 255 do
    bytes[byte + 1] = string.char(byte)
end
redis.call('SET', 'binary', table.concat(bytes))
redis.call('SET', 'once', 'abcdefghijklmnopqrstuvwxyz0123456789')

redis.call('SELECT', 1)
redis.call('SET', 'expiring', 'value', 'PXAT', 4102444800123)
redis.call('SET', 'expiring int', '77', 'PXAT', 4102444800000)
redis.call('SET', 'lasting', 'value')
redis.call('SELECT', 9)
redis.call('SET', 'nine', '9')
redis.call('SELECT', 15)
redis.call('SET', 'fifteen', '15')
