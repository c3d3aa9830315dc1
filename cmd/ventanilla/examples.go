package main

// sample is a command line that works, for the help.
type sample struct{ command, line, does string }

// examples are shown by --help; a test types each.
func examples() []sample {
	return []sample{
		{"serve", "ventanilla serve", "con ./ventanilla.toml"},
		{"serve", "ventanilla -c /etc/ventanilla/ventanilla.toml serve", "con otra configuración; «kill -HUP» vuelve a leer colas, agentes, reglas y plantillas"},
		{"demo", "ventanilla demo", "correo en 127.0.0.1:2525 y páginas en http://127.0.0.1:8080/demo/"},
		{"demo", "ventanilla demo --tour --exit", "recorre la vida de una solicitud y termina, con 0 si todo fue bien"},
		{"demo", "ventanilla demo --smtp 127.0.0.1:2600 --web 127.0.0.1:8600 --state /tmp/demo", "en otros puertos, y guarda el estado"},
		{"init", "ventanilla init /etc/ventanilla", "una instalación que funciona en esta máquina"},
		{"init", "ventanilla init mesa --like cinoc", "una mesa de servicios: «solicitud» en el asunto, datos mínimos, visto bueno"},
		{"init", "ventanilla init mesa --domain mesa.universidad.edu --queue-address ayuda@universidad.edu", "con sus direcciones"},
		{"init", "ventanilla init mesa --imap imap.universidad.edu:993 --imap-user soporte@universidad.edu --imap-start unseen --smarthost correo.universidad.edu:587", "con el buzón que se lee y el servidor que envía; en una terminal y sin opciones, los pregunta"},
		{"check", "ventanilla check", "dice archivo, línea y columna de todo lo que está mal"},
		{"check", "ventanilla check --json", "lo mismo para programas; termina con 78 si algo está mal"},
		{"check", "ventanilla check --tests", "corre además las pruebas de las reglas"},
		{"status", "ventanilla status", "en marcha desde cuándo, qué espera, qué falla"},
		{"backup", "ventanilla backup /var/backups/mesa-2026-11-24.tar", "con el servicio en marcha; termina con 0 si la copia se pudo abrir y está entera"},
		{"restore", "ventanilla restore /var/backups/mesa-2026-11-24.tar", "en la carpeta de estado de la configuración, que no debe existir"},
		{"outbox release", "ventanilla outbox release", "después de recuperar una copia y de mirar outbox list"},
		{"dkim new", "ventanilla dkim new --selector mesa2026 --out dkim.pem", "una clave, y el registro DNS que la publica"},
		{"dkim show", "ventanilla dkim show", "los registros de las claves configuradas"},
		{"imap check", "ventanilla imap check", "entra en los buzones configurados y dice qué se tomaría; termina con 1 si uno no se puede leer"},
		{"explain", "ventanilla explain correo.eml", "qué reglas se miraron, qué se haría y qué correos saldrían"},
		{"explain", "ventanilla explain --at 2026-05-04T22:30 correo.eml", "como si llegara un lunes por la noche"},
		{"explain", "ventanilla explain --trusted --text correo.eml", "como si llegara de un servidor de confianza, con los textos"},
		{"explain", "ventanilla explain --peer 192.0.2.25 --from ana@universidad.example --helo correo.universidad.example correo.eml", "como si ese servidor lo trajera por SMTP: qué prueban SPF, DKIM y DMARC"},
		{"explain", "ventanilla explain --anew 00000001-000000000016.eml", "por qué se hizo lo que se hizo con uno que ya llegó, con las reglas de ahora"},
		{"parse", "ventanilla parse correo.eml otro.eml", "una línea JSON por correo"},
		{"parse", "ventanilla parse --body html cuerpo.html", "un cuerpo suelto"},
		{"deliver", "ventanilla deliver -f ana@universidad.example soporte@mesa.example", "toma el correo de la entrada estándar; 0 es «en el disco», 75 «vuelva a intentarlo»"},
		{"ticket list", "ventanilla ticket list --state open", "los que están en curso"},
		{"ticket list", "ventanilla ticket list --queue soporte --json", "los de una cola, para programas"},
		{"ticket show", "ventanilla ticket show 000001", "datos, historia y textos"},
		{"outbox list", "ventanilla outbox list", "qué no ha salido, y por qué"},
		{"outbox retry", "ventanilla outbox retry 7d2f1c", "lo intenta ya"},
		{"outbox drop", "ventanilla outbox drop 7d2f1c", "no se enviará"},
		{"quarantine list", "ventanilla quarantine list", "qué está apartado, y por qué"},
		{"quarantine show", "ventanilla quarantine show 00000001-000000000016", "el correo, tal como llegó"},
		{"quarantine release", "ventanilla quarantine release 00000001-000000000016", "lo procesa, como de un remitente sin verificar"},
		{"quarantine drop", "ventanilla quarantine drop 00000001-000000000016", "deja de esperar una decisión; sus bytes se conservan"},
		{"export", "ventanilla export", "los tickets, uno por línea"},
		{"export", "ventanilla export --raw", "todo el correo recibido, en un mbox"},
		{"export", "ventanilla export --raw --format eml --to correos", "un archivo por correo"},
		{"doctor", "ventanilla doctor", "cuenta lo aceptado y sus destinos; termina con 1 si algo falta"},
		{"reference", "ventanilla reference", "todas las claves de la configuración"},
		{"version", "ventanilla version --json", "para un informe"},
	}
}
